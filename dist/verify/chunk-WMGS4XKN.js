export{c17_a as a,c17_b as b}from"./run.js";
