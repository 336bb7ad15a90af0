export{c17_a as a}from"../sign.js";
