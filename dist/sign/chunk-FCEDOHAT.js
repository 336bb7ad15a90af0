export{c7_a as a,c7_b as b,c7_c as c,c7_d as d,c7_e as e}from"../sign.js";
