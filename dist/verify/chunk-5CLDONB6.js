export{c1_a as a}from"./run.js";
