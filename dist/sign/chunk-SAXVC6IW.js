export{c16_a as a}from"../sign.js";
