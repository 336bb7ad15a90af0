export{c12_a as a}from"../verify.js";
