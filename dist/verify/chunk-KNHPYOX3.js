export{c11_a as a}from"./run.js";
