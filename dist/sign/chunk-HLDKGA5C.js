export{c8_a as a}from"../sign.js";
