export{c13_a as a,c13_b as b,c13_c as c}from"../sign.js";
