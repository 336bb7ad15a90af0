export{c8_a as a,c8_b as b,c8_c as c}from"./run.js";
