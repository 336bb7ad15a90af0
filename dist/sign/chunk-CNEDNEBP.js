export{c5_a as a}from"../sign.js";
