export{c15_a as a,c15_b as b}from"./run.js";
