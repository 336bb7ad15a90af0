export{c7_a as a}from"../sign.js";
