export{c16_a as a,c16_b as b}from"./run.js";
