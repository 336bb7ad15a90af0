export{c14_a as a}from"./run.js";
