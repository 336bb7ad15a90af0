export{c4_a as a,c4_b as b,c4_c as c}from"./run.js";
