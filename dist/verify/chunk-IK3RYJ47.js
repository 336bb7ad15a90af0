export{c7_a as a,c7_b as b}from"./run.js";
