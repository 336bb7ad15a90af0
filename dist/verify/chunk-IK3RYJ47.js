export{c8_a as a,c8_b as b}from"./run.js";
