export{c0_a as a,c0_b as b}from"../keygen.js";
