export{c5_a as a,c5_b as b}from"./run.js";
