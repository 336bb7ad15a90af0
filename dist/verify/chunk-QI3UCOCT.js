export{c16_a as a,c16_b as b,c16_c as c}from"./run.js";
