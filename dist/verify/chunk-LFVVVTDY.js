export{c10_a as a,c10_b as b}from"./run.js";
