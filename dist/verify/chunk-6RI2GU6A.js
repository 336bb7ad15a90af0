export{c3_a as a}from"./run.js";
