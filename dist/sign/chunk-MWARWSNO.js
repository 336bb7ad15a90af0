export{c13_a as a}from"../sign.js";
