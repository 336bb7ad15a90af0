export{c19_a as a}from"../sign.js";
