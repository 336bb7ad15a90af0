export{c4_a as a}from"./run.js";
