export{c6_a as a}from"./run.js";
