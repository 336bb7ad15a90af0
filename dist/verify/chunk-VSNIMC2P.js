export{c19_a as a}from"./run.js";
