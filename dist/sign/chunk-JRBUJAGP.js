export{c11_a as a}from"../sign.js";
