export{c17_a as a}from"./run.js";
