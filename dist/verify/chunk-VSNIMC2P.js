export{c18_a as a}from"./run.js";
