export{c8_a as a}from"./run.js";
