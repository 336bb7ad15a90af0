export{c2_a as a}from"./run.js";
