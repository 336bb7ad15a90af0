export{c13_a as a,c13_b as b}from"./run.js";
