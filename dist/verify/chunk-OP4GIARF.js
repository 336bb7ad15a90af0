export{c14_a as a,c14_b as b}from"./run.js";
