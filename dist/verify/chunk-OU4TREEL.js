export{c12_a as a,c12_b as b}from"./run.js";
