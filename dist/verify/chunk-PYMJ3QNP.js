export{c12_a as a}from"./run.js";
