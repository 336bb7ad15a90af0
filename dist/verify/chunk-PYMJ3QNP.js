export{c13_a as a}from"./run.js";
