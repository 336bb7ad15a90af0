export{c14_a as a,c14_b as b,c14_c as c}from"../sign.js";
