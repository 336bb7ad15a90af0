export{c1_a as a,c1_b as b}from"./run.js";
