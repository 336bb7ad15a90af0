export{c4_a as a}from"../sign.js";
