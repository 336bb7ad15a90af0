export{c6_a as a}from"../sign.js";
