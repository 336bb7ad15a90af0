export{c9_a as a}from"./run.js";
