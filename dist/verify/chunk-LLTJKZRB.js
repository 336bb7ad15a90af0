export{c9_a as a,c9_b as b}from"./run.js";
