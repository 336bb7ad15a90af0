export{c20_a as a}from"../sign.js";
