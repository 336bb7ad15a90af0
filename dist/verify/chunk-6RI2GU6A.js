export{c5_a as a}from"./run.js";
