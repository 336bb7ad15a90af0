export{c6_a as a,c6_b as b,c6_c as c}from"./run.js";
