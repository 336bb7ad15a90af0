export{c6_a as a,c6_b as b}from"./run.js";
