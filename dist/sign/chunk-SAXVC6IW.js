export{c14_a as a}from"../sign.js";
