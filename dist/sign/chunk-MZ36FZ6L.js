export{c12_a as a,c12_b as b,c12_c as c}from"../sign.js";
