export{c11_a as a,c11_b as b}from"./run.js";
