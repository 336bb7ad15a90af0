export{c15_a as a}from"./run.js";
