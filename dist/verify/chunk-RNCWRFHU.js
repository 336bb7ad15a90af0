export{c16_a as a}from"./run.js";
