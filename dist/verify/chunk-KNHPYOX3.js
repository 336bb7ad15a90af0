export{c10_a as a}from"./run.js";
