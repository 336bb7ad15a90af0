export{c15_a as a}from"../sign.js";
