export{c13_a as a}from"../verify.js";
