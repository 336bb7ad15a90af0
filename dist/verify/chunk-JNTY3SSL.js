export{c7_a as a}from"./run.js";
